"""Titra.  Bench and research device: not a medical device."""

from pump.app.application import Application


def main():
    application = Application()
    while True:
        application.run_once()


main()
