"""``/api/v1``: what the pages show and do, for programs.

A program shows a token, which has a role, owners and scopes. It is answered what a person of that role would see:
every question to the store carries whose accounts may be seen, as those of the pages do.
"""
