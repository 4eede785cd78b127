"""`wattline bench dispatch`: the real-time dispatch, by us and by general libraries."""
