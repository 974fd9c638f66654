"""Learning from the past without looking ahead: splits, training, calibration, evaluation, promotion."""
