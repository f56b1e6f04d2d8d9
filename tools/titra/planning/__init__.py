"""From an order to a plan: read, checked, compiled into a ladder for each day."""
