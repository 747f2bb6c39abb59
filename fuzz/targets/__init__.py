"""
One module for each parser of what comes from outside.

``seeds()`` gives small valid inputs; ``check(data, folder)`` raises when a property does not hold, and may use
``folder``, which it has to itself.  Inputs are at most ``MAX_BYTES`` long where a module says so.
"""
