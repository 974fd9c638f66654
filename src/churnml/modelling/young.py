"""How much of what a model learned from is about accounts in their first weeks."""

from __future__ import annotations

import numpy as np

from churnml.modelling.record import YoungAccounts


def young_accounts(labels: np.ndarray, lived: np.ndarray, longest: int, left_out: int) -> YoungAccounts:
    """Counts the training rows of accounts that had not lived the longest time that a feature compares.

    Args:
        labels: of the training rows, shape (rows,); rows without one do not train and are not counted.
        lived: days from an account's creation to the row's cutoff, shape (rows,).
        longest: days after which nothing is unknown for youth alone.
        left_out: rows of the earliest cutoffs, of whose accounts the data know too little.
    """
    labelled = ~np.isnan(labels)
    young = labelled & (lived < longest)
    rows, positives, total = int(young.sum()), int(labels[young].sum()), int(labelled.sum())
    return YoungAccounts(rows=rows, of=total, positives=positives, longest=longest, left_out=left_out)
