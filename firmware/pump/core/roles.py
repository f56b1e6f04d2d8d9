"""Who may do what: four roles, each may do all that the ones before it may."""

from micropython import const

OBSERVER = const(0)  # queries and STOP; whoever is on the line
OPERATOR = const(1)  # programs, starts, answers, pauses
SUPERVISOR = const(2)  # goes on where an operator may not
MAINTENANCE = const(3)  # date, keys, REPL; only with the motor disabled

ROLE_NAMES = ("OBSERVER", "OPERATOR", "SUPERVISOR", "MAINTENANCE")
