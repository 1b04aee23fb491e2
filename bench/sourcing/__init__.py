"""How good sourcing decisions are: policies on identical events, made from real baskets, between what shops
use and what hindsight would have done.
"""
