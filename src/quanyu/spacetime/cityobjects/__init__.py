"""City objects: models of cities read into rows, checked, and written as CityJSON again."""
