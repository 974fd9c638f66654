"""Who does what today: candidates, capacity, assignment, and the life of a work item."""
