"""Pure functions on dose: sampling, dose-volume histograms, isodose volumes; Gy, mm and cm3."""
