"""Events to and from the integers that a model sees. Knows neither torch nor ports."""
