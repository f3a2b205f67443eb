"""Pure functions on contours: regions, volume, extent, distance; mm and cm3, patient coordinates (LPS)."""
