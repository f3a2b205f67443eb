"""Many plans: found, checked side by side, resumed, stored and summarised.

Nothing is imported here: whoever asks the store for results needs neither pydicom nor the engine.
"""
