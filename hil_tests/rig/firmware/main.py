"""The rig: answers its line for ever."""

from rig_loop import Rig

Rig().run()
