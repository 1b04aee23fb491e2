-- The catalogue. Nothing that was sold is ever deleted: articles are discontinued, promotions withdrawn, listings unlisted.
-- Every row bears the catalogue version that wrote it last, so that an instance can fetch just what changed.

-- One row: the version of the whole. Its row lock is what puts writers into one order.
CREATE TABLE catalogue (
    singleton        boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    version          bigint      NOT NULL DEFAULT 0 CHECK (version >= 0),
    changed_at       timestamptz NOT NULL DEFAULT now()
);
INSERT INTO catalogue DEFAULT VALUES;

CREATE TABLE product (
    product_id       text COLLATE "C" PRIMARY KEY CHECK (product_id <> '' AND length(product_id) <= 64),
    name_en          text        NOT NULL CHECK (length(name_en) <= 200),
    name_es          text        NOT NULL CHECK (length(name_es) <= 200),
    brand            text        NOT NULL CHECK (length(brand) <= 80),
    category_path    text[]      NOT NULL CHECK (cardinality(category_path) <= 6),
    changed_version  bigint      NOT NULL
);

CREATE TABLE variant (
    sku              text COLLATE "C" PRIMARY KEY CHECK (sku <> '' AND length(sku) <= 64),
    product_id       text COLLATE "C" NOT NULL REFERENCES product,
    position         integer     NOT NULL CHECK (position >= 0),
    attributes       jsonb       NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
    tax_class        text        NOT NULL CHECK (tax_class <> ''),
    discontinued_at  timestamptz,
    changed_version  bigint      NOT NULL
);
CREATE INDEX variant_product ON variant (product_id, position);
CREATE INDEX variant_changed ON variant (changed_version);

-- `gtin` is the 14-digit form under which EAN-8, UPC-A, EAN-13 and GTIN-14 are one number space; `barcode` is as printed.
CREATE TABLE barcode (
    gtin             text COLLATE "C" PRIMARY KEY CHECK (gtin ~ '^[0-9]{14}$'),
    barcode          text        NOT NULL CHECK (length(barcode) IN (8, 12, 13, 14)),
    sku              text COLLATE "C" NOT NULL REFERENCES variant
);
CREATE INDEX barcode_sku ON barcode (sku);

-- Validity is [valid_from, valid_until); -infinity stands for "since ever" and infinity for "never ends".
CREATE TABLE price_list (
    price_list_id    text COLLATE "C" PRIMARY KEY CHECK (price_list_id ~ '^[a-z0-9-]{1,64}$'),
    name_en          text        NOT NULL,
    name_es          text        NOT NULL,
    currency_code    text        NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    tax_inclusive    boolean     NOT NULL,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    changed_version  bigint      NOT NULL,
    CHECK (valid_from < valid_until)
);
CREATE INDEX price_list_changed ON price_list (changed_version);

CREATE TABLE price (
    price_list_id    text COLLATE "C" NOT NULL REFERENCES price_list,
    sku              text COLLATE "C" NOT NULL REFERENCES variant,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    unit_price_minor bigint      NOT NULL CHECK (unit_price_minor BETWEEN 0 AND 100000000),
    changed_version  bigint      NOT NULL,
    PRIMARY KEY (price_list_id, sku, valid_from),
    CHECK (valid_from < valid_until)
);
CREATE INDEX price_changed ON price (changed_version);

CREATE TABLE channel (
    channel_id          text COLLATE "C" PRIMARY KEY CHECK (channel_id ~ '^[a-z0-9-]{1,32}$'),
    name_en             text     NOT NULL,
    name_es             text     NOT NULL,
    currency_code       text     NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    price_list_ids      text[]   NOT NULL CHECK (cardinality(price_list_ids) BETWEEN 1 AND 10),
    explicit_assortment boolean  NOT NULL,
    methods             integer[] NOT NULL,
    changed_version     bigint   NOT NULL
);
CREATE INDEX channel_changed ON channel (changed_version);

-- Explicit assortments. An article taken out stays as a row that is not listed, so that the change can be fetched.
CREATE TABLE assortment (
    channel_id       text COLLATE "C" NOT NULL REFERENCES channel,
    sku              text COLLATE "C" NOT NULL REFERENCES variant,
    listed           boolean     NOT NULL,
    changed_version  bigint      NOT NULL,
    PRIMARY KEY (channel_id, sku)
);
CREATE INDEX assortment_changed ON assortment (changed_version);

CREATE TABLE promotion (
    promotion_id     text COLLATE "C" PRIMARY KEY CHECK (promotion_id <> '' AND length(promotion_id) <= 64),
    name_en          text        NOT NULL,
    name_es          text        NOT NULL,
    scope_skus       text[]      NOT NULL,
    scope_categories text[]      NOT NULL,
    scope_channels   text[]      NOT NULL,
    benefit          text        NOT NULL CHECK (benefit IN ('PERCENTAGE_OFF', 'AMOUNT_OFF', 'BUY_X_PAY_Y', 'BASKET_THRESHOLD')),
    basis_points     integer     CHECK (basis_points BETWEEN 1 AND 10000),
    amount_minor     bigint      CHECK (amount_minor > 0),
    minimum_minor    bigint      CHECK (minimum_minor >= 0),
    currency_code    text        CHECK (currency_code ~ '^[A-Z]{3}$'),
    buy_units        integer     CHECK (buy_units BETWEEN 2 AND 100),
    pay_units        integer     CHECK (pay_units >= 0 AND pay_units < buy_units),
    coupon_code      text        NOT NULL CHECK (length(coupon_code) <= 40),
    priority         integer     NOT NULL,
    stackable        boolean     NOT NULL,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    withdrawn        boolean     NOT NULL,
    changed_version  bigint      NOT NULL,
    CHECK (valid_from < valid_until),
    CHECK (CASE benefit
        WHEN 'PERCENTAGE_OFF' THEN basis_points IS NOT NULL AND num_nonnulls(amount_minor, minimum_minor, buy_units, pay_units) = 0
        WHEN 'AMOUNT_OFF' THEN num_nulls(amount_minor, currency_code) = 0 AND num_nonnulls(basis_points, minimum_minor, buy_units, pay_units) = 0
        WHEN 'BUY_X_PAY_Y' THEN num_nulls(buy_units, pay_units) = 0 AND num_nonnulls(basis_points, amount_minor, minimum_minor) = 0
        ELSE num_nulls(minimum_minor, currency_code) = 0 AND num_nonnulls(basis_points, amount_minor) = 1 AND num_nonnulls(buy_units, pay_units) = 0
    END)
);
CREATE INDEX promotion_changed ON promotion (changed_version);

-- `region` empty: the whole country.
CREATE TABLE tax_rate (
    tax_class        text COLLATE "C" NOT NULL CHECK (tax_class <> ''),
    country_code     text COLLATE "C" NOT NULL CHECK (country_code ~ '^[A-Z]{2}$'),
    region           text COLLATE "C" NOT NULL,
    rate_ppm         integer     NOT NULL CHECK (rate_ppm BETWEEN 0 AND 1000000),
    changed_version  bigint      NOT NULL,
    PRIMARY KEY (tax_class, country_code, region)
);
CREATE INDEX tax_rate_changed ON tax_rate (changed_version);
