"""What people and programs may do: the roles of the cockpit, and what a token of its API may be used for."""

from __future__ import annotations

from typing import Literal

Role = Literal["viewer", "success_manager", "revops", "admin"]
Scope = Literal["accounts:read", "work:read", "work:write"]
