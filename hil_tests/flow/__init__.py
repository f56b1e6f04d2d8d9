"""The gravimetric flow test: a balance on a serial line, and the curves made from it."""
