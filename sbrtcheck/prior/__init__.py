"""Earlier courses of radiotherapy: found again in this plan, with the error of the registration."""
