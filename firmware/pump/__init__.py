"""Titra firmware.  Bench and research device: not a medical device."""

VERSION = "0.1.0"
