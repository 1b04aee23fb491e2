"""How each refusal of inventory is answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from services.inventory.domain import refusals as no

table = ErrorTable(
    "inventory.aljibe.dev",
    [
        ErrorRule(
            no.LocationUnknown,
            StatusCode.NOT_FOUND,
            "LOCATION_UNKNOWN",
            "No existe la ubicación {location_id}",
        ),
        ErrorRule(
            no.LocationInactive,
            StatusCode.FAILED_PRECONDITION,
            "LOCATION_INACTIVE",
            "La ubicación {location_id} no acepta pedidos en este momento",
        ),
        ErrorRule(
            no.TimeZoneUnknown,
            StatusCode.INVALID_ARGUMENT,
            "TIME_ZONE_UNKNOWN",
            "Ubicación {location_id}: no existe la zona horaria {time_zone}",
        ),
        ErrorRule(
            no.CapabilityNotPossible,
            StatusCode.INVALID_ARGUMENT,
            "CAPABILITY_NOT_POSSIBLE",
            "La ubicación {location_id} no puede tener la capacidad {capability}",
        ),
        ErrorRule(
            no.HoursInvalid,
            StatusCode.INVALID_ARGUMENT,
            "HOURS_INVALID",
            "Ubicación {location_id}: el horario del día {weekday} termina antes de empezar o se solapa",
        ),
        ErrorRule(
            no.HolidayInvalid,
            StatusCode.INVALID_ARGUMENT,
            "HOLIDAY_INVALID",
            "Ubicación {location_id}: no existe la fecha {date}, o su horario termina mal o se solapa",
        ),
        ErrorRule(
            no.HandoverNotPossible,
            StatusCode.INVALID_ARGUMENT,
            "HANDOVER_NOT_POSSIBLE",
            "La ubicación {location_id} envía paquetes pero cierra todos sus días de recogida",
        ),
        ErrorRule(
            no.InsufficientStock,
            StatusCode.FAILED_PRECONDITION,
            "INSUFFICIENT_STOCK",
            "No hay existencias suficientes para {shortage_count} de las posiciones pedidas",
        ),
        ErrorRule(
            no.PickDuplicate,
            StatusCode.INVALID_ARGUMENT,
            "PICK_DUPLICATE",
            "{sku} en {location_id} aparece dos veces en la solicitud",
        ),
        ErrorRule(
            no.LineDuplicate,
            StatusCode.INVALID_ARGUMENT,
            "LINE_DUPLICATE",
            "{sku} en {location_id} aparece dos veces en este bloque",
        ),
        ErrorRule(
            no.ReservationUnknown,
            StatusCode.NOT_FOUND,
            "RESERVATION_UNKNOWN",
            "No existe la reserva {reservation_id}",
        ),
        ErrorRule(
            no.ReservationEnded,
            StatusCode.FAILED_PRECONDITION,
            "RESERVATION_ENDED",
            "La reserva {reservation_id} (intento {attempt} de {order_id}) ya terminó",
        ),
        ErrorRule(
            no.ReservationDiffers,
            StatusCode.INVALID_ARGUMENT,
            "RESERVATION_DIFFERS",
            "El intento {attempt} de {order_id} ya reservó otras cantidades ({reservation_id})",
        ),
        ErrorRule(
            no.HoldUnknown,
            StatusCode.NOT_FOUND,
            "HOLD_UNKNOWN",
            "No existe la retención {hold_id}",
        ),
        ErrorRule(
            no.HoldEnded,
            StatusCode.FAILED_PRECONDITION,
            "HOLD_ENDED",
            "La retención {hold_id} ya terminó",
        ),
        ErrorRule(
            no.QuantityTooHigh,
            StatusCode.FAILED_PRECONDITION,
            "QUANTITY_TOO_HIGH",
            "La reserva {reservation_id} guarda {live_units} de {sku} en {location_id}, no {requested_units}",
        ),
        ErrorRule(
            no.QuantityZero,
            StatusCode.INVALID_ARGUMENT,
            "QUANTITY_ZERO",
            "La diferencia de {sku} no puede ser 0",
        ),
        ErrorRule(
            no.CauseNotPossible,
            StatusCode.INVALID_ARGUMENT,
            "CAUSE_NOT_POSSIBLE",
            "{cause} no es una causa posible aquí",
        ),
        ErrorRule(
            no.FilterMissing, StatusCode.INVALID_ARGUMENT, "FILTER_MISSING", "Indique de qué: {wanted}"
        ),
        ErrorRule(
            no.StockOutOfRange,
            StatusCode.FAILED_PRECONDITION,
            "STOCK_OUT_OF_RANGE",
            "{sku} en {location_id} saldría del margen de ±{limit_units} unidades",
        ),
        ErrorRule(
            no.DocumentUnknown,
            StatusCode.NOT_FOUND,
            "DOCUMENT_UNKNOWN",
            "No existe el documento {document_id}",
        ),
        ErrorRule(
            no.StateNotPossible,
            StatusCode.FAILED_PRECONDITION,
            "STATE_NOT_POSSIBLE",
            "{document_id} está en el estado {state}; se necesita {wanted}",
        ),
        ErrorRule(
            no.LocationDiffers,
            StatusCode.INVALID_ARGUMENT,
            "LOCATION_DIFFERS",
            "{document_id} no corresponde aquí a la ubicación {location_id}",
        ),
        ErrorRule(
            no.LocationsEqual,
            StatusCode.INVALID_ARGUMENT,
            "LOCATIONS_EQUAL",
            "Un traslado desde {location_id} debe ir a otra ubicación",
        ),
        ErrorRule(
            no.UnitsTooMany,
            StatusCode.FAILED_PRECONDITION,
            "UNITS_TOO_MANY",
            "{document_id} admite como mucho {limit_units} unidades más de {sku}, no {requested_units}",
        ),
        ErrorRule(
            no.ControlUnknown,
            StatusCode.NOT_FOUND,
            "CONTROL_UNKNOWN",
            "El canal {channel_id} no tiene ningún control sobre {sku}",
        ),
        ErrorRule(
            no.ControlEmpty,
            StatusCode.INVALID_ARGUMENT,
            "CONTROL_EMPTY",
            "El control de {sku} para el canal {channel_id} no tiene margen, cupo exclusivo ni tope",
        ),
        ErrorRule(
            no.PeriodInvalid,
            StatusCode.INVALID_ARGUMENT,
            "PERIOD_INVALID",
            "Control de {sku} para el canal {channel_id}: debe empezar antes de liberar su cupo exclusivo, "
            "y liberarlo antes de terminar",
        ),
        ErrorRule(
            no.BuyerLimitExceeded,
            StatusCode.FAILED_PRECONDITION,
            "BUYER_LIMIT_EXCEEDED",
            "{sku} está limitado a {limit_units} por cliente; a este le quedan {left_units}, "
            "no {requested_units}",
        ),
        ErrorRule(
            no.LimitUnknown,
            StatusCode.NOT_FOUND,
            "LIMIT_UNKNOWN",
            "No hay ningún límite por cliente de {sku}",
        ),
        ErrorRule(
            no.LimitPeriodInvalid,
            StatusCode.INVALID_ARGUMENT,
            "LIMIT_PERIOD_INVALID",
            "El límite por cliente de {sku} debe empezar antes de terminar",
        ),
        ErrorRule(
            no.PicksMissing,
            StatusCode.INVALID_ARGUMENT,
            "PICKS_MISSING",
            "El intento {attempt} de {order_id} no reserva nada",
        ),
        ErrorRule(
            no.TermsUnknown,
            StatusCode.NOT_FOUND,
            "TERMS_UNKNOWN",
            "El canal {channel_id} no tiene condiciones de venta anticipada de {sku}",
        ),
        ErrorRule(
            no.TermsInvalid,
            StatusCode.INVALID_ARGUMENT,
            "TERMS_INVALID",
            "Venta anticipada de {sku} en el canal {channel_id}: una preventa necesita fecha de lanzamiento, "
            "y nada más la tiene",
        ),
    ],
)
