"""Fewer cases for the same knowledge: not every mixture of values, but every two of them in some case."""

import itertools
from collections.abc import Collection, Iterable
from typing import Any

import pytest


def in_turn(cases: Iterable[Any], variants: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Each case once, with the next of the variants."""
    return list(zip(cases, itertools.cycle(variants), strict=False))


def pairs(**axes: Collection[Any]) -> pytest.MarkDecorator:
    """Parametrizes a test so that every two values of two of the axes meet in some case."""
    left = list(itertools.product(*(range(len(axis)) for axis in axes.values())))
    missing = {pair for row in left for pair in _pairs_in(row)}
    cases = []
    while missing:
        row = max(left, key=lambda row: len(missing.intersection(_pairs_in(row))))
        missing.difference_update(_pairs_in(row))
        cases.append([list(axis)[place] for axis, place in zip(axes.values(), row, strict=True)])
    return pytest.mark.parametrize(tuple(axes), cases)


def _pairs_in(row: tuple[int, ...]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return set(itertools.combinations(enumerate(row), 2))
