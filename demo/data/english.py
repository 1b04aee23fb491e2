"""From a till's abbreviations to words a shopper reads."""

from __future__ import annotations

import re
from functools import cache

_WHOLE = {
    # Names that the source cuts at thirty letters, or that say something else on their own.
    "MEAT-PCKGD": "packed meat",
    "SEAFOOD-PCKGD": "packed seafood",
    "DRUG GM": "drugstore and household",
    "MISC. DAIRY": "other dairy",
    "AIR CARE - CONTINUOUS - NON EL": "air freshener",
    "ALL FAMILY CEREAL": "family cereal",
    "AUTO DISH DETERGENT - MONODOSE": "dishwasher tablets",
    "BEERALEMALT LIQUORS": "beer and ale",
    "BEEF": "beef",
    "CANDY BARS (SINGLES)(INCLUDING": "candy bar",
    "CAN CATFD GOURMET/SUP PREM (GR": "gourmet canned cat food",
    "CAN DOGFD GOURMET/SUPER PREM (": "gourmet canned dog food",
    "DAIRY CASE 100% PURE JUICE - O": "chilled pure orange juice",
    "DAIRY CASE 100% PURE JUICE OTH": "chilled pure juice",
    "DAIRY CASE CITRUS PNCH/OJ SUBS": "chilled citrus punch",
    "DAIRY CASE FRUIT DRINKS (NO JU": "chilled fruit drink",
    "DAIRY CASE JUICE DRNK UNDER 10": "chilled juice drink",
    "FACIAL TISSUE & PAPER HANDKE": "facial tissue",
    "FLUID MILK PRODUCTS": "milk",
    "FLUID MILK WHITE ONLY": "white milk",
    "FRZN BRD STICK/PORTON": "frozen breaded fish sticks",
    "FRZN SS PREMIUM ENTREES/DNRS/N": "frozen premium dinner for one",
    "FRZN SS PREMIUM ENTREES/DNRS/T": "frozen premium dinner for one",
    "GARBAGE KITCHEN COMPACTOR BA": "kitchen garbage bags",
    "INSIDE FROST BULBS": "frosted light bulb",
    "IWS SINGLE CHEESE": "wrapped cheese slices",
    "NON-IWS SINGLE CHEESE": "cheese slices",
    "MAINSTREAM WHEAT/MULTIGRAIN BR": "wheat and multigrain bread",
    "MEXICAN SAUCESSALSAPICANTEE": "Mexican salsa",
    "MEXICAN SOFT TORTILLAS AND WRA": "soft tortillas and wraps",
    "NATURAL CHEESE EXACT WT CHUNKS": "natural cheese piece",
    "NATURAL CHEESE EXACT WT SLICES": "natural cheese slices",
    "NON-CARB FLVRD DRNKNG/MNRL WAT": "flavored still water",
    "NON-CRBNTD DRNKING/MNERAL WATE": "still mineral water",
    "PLSTC CTLRYTBLCLTHSTTHPKSST": "plastic cutlery",
    "REFRIGERATED SPECILATY ROLLS": "refrigerated specialty rolls",
    "SFT DRNK 2 LITER BTL CARB INCL": "soft drink, 2 liter bottle",
    "SFT DRNK MLT-PK BTL CARB (EXCP": "soft drink, multipack bottles",
    "SFT DRNK SNGL SRV BTL CARB (EX": "soft drink, single bottle",
    "SGL SV/VEND MACH SNACKS CHIP/P": "single-serve snack",
    "SOFT DRINK BOTTLE NON-CARB (EX": "still drink, bottle",
    "SOFT DRINKS 12/18&15PK CAN CAR": "soft drink, 12 to 18 cans",
    "SOFT DRINKS 20PK&24PK CAN CARB": "soft drink, 20 to 24 cans",
    "SOFT DRINKS 6PK/4PK CAN CARB (": "soft drink, 4 to 6 cans",
    "SOFT DRINKS CAN NON-CARB (EXCE": "still drink, can",
    "SS ECONOMY ENTREES/DINNERS ALL": "frozen economy dinner for one",
    "TABLE SALT POPCORN SALTICE C": "table salt",
    "YOGURT NOT MULTI-PACKS": "yogurt",
    "YOGURT MULTI-PACKS": "yogurt multipack",
}
_WORDS = {
    "BF": "beef",
    "BKD": "baked",
    "BN": "beans",
    "BRD": "breaded",
    "BRKFST": "breakfast",
    "BTL": "bottle",
    "CARB": "carbonated",
    "CATSUP": "ketchup",
    "CHIX": "chicken",
    "CKYS": "cookies",
    "CND": "canned",
    "CNDY": "candy",
    "CONC": "concentrate",
    "CRKR": "crackers",
    "CRMD": "crushed",
    "CRYSTL": "crystal",
    "DNR": "dinner",
    "DNRS": "dinners",
    "DRNK": "drink",
    "DRNKS": "drinks",
    "DRSNG": "dressing",
    "DSH": "dishes",
    "FD": "food",
    "FLVRD": "flavored",
    "FRD": "fried",
    "FRZ": "frozen",
    "FRZN": "frozen",
    "GRND": "ground",
    "HBC": "care products",
    "JCE": "juice",
    "MISC": "various",
    "MISCELLANEOUS": "various",
    "MIXS": "mixes",
    "MLK": "milk",
    "MW": "microwave",
    "MXS": "mixes",
    "OJ": "orange juice",
    "PCKGD": "packed",
    "PKG": "packed",
    "PKGD": "packaged",
    "PKLD": "pickled",
    "PNT": "peanut",
    "BTR": "butter",
    "PPK": "prepacked",
    "PRESLC": "presliced",
    "PREP": "prepared",
    "PWDR": "powder",
    "REFRGRATD": "refrigerated",
    "RTS": "ready-to-serve",
    "SAL": "salad",
    "SALD": "salad",
    "SAUS": "sausage",
    "SNDWCH": "sandwich",
    "SNKS": "snacks",
    "SPLY": "supplies",
    "SPRD": "spread",
    "SS": "single-serve",
    "SW": "sweet",
    "GDS": "goods",
    "SWEETNERS": "sweeteners",
    "SYRP": "syrup",
    "TRSH": "trash",
    "VEG": "vegetables",
    "WHLSM": "wholesome",
    "WTR": "water",
    "CLEANG": "cleaning",
    "ELECTRICAL": "electrical",
    "SUPPPLIES": "supplies",
    "DISPOSIBLE": "disposable",
    "CHOCOCLATE": "chocolate",
    "CILANTO": "cilantro",
    "REFIGERATED": "refrigerated",
    "PROTIEN": "protein",
    "TISS": "tissue",
}
_KEPT = {"BBQ": "BBQ", "TV": "TV", "MEXICAN": "Mexican", "ITALIAN": "Italian", "FRENCH": "French"}
_OPEN_BRACKET = re.compile(r"\([^)]*$")
_BRACKETS = re.compile(r"\([^)]*\)")
_WORD = re.compile(r"[A-Z][A-Z']*")
_UNITS = {"OZ": "oz", "LB": "lb", "CT": "ct", "GA": "gal", "GAL": "gal", "PK": "pk", "L": "L", "ML": "ml"} | {
    "PT": "pt",
    "QT": "qt",
    "DZ": "dozen",
    "IN": "in",
    "LTR": "L",
    "PC": "pc",
    "CTN": "carton",
    "LOAD": "loads",
    "SQ": "sq",
    "FT": "ft",
    "ROLL": "rolls",
    "STEM": "stems",
    "GM": "g",
    "GRAM": "g",
}
_SIZE = re.compile(r"^(?:\d{1,3}(?:\.\d{1,2})?|\.\d{1,3}|\d+/\d+(?:\.\d+)?)?[ A-Z/.0-9]*$")


@cache
def readable(label: str) -> str:
    """``label`` in lower-case words: ``"FRZN FRENCH FRIES"`` is ``"frozen French fries"``."""
    if label in _WHOLE:
        return _WHOLE[label]
    text = _BRACKETS.sub(" ", _OPEN_BRACKET.sub("", label))
    text = (
        re.sub(r"\s*[:]\s*", ", ", text)
        .replace(" - ", ", ")
        .replace("&", " and ")
        .replace("/", " / ")
        .replace("  ", " ")
    )
    text = _WORD.sub(lambda word: _KEPT.get(word[0]) or _WORDS.get(word[0]) or word[0].lower(), text)
    return re.sub(r"\s+", " ", text).replace(" / ", "/").strip(" ,-").replace(" ,", ",")


def title(text: str) -> str:
    """``text`` with its first letter large."""
    return text[:1].upper() + text[1:]


@cache
def readable_size(size: str) -> str:
    """``"12 OZ"`` as ``"12 oz"``; empty when the source holds no size, or an internal number instead of
    one.
    """
    tidy = re.sub(r"\s+", " ", size).strip()
    if not tidy or not _SIZE.match(tidy) or re.search(r"\d{4}", tidy):
        return ""
    tidy = re.sub(r"(?<![\d.])\.(\d)", r"0.\1", tidy)
    words = re.sub(r"[A-Z]+", lambda unit: _UNITS.get(unit[0], unit[0].lower()), tidy)
    return words if words[:1].isdigit() else f"1 {words}"
