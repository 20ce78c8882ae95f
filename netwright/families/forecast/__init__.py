"""Forecasts of series: the seasonal naive, a closed-form linear map, networks, and a blend of them."""
