"""How orders' refusals are answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from services.orders.adapters.grpc.rules_refused import RulesInvalid
from services.orders.domain import refusals, rules_refusals

DOMAIN = "orders.aljibe.dev"

_FAILED = StatusCode.FAILED_PRECONDITION
_INVALID = StatusCode.INVALID_ARGUMENT
_NOT_FOUND = StatusCode.NOT_FOUND

ERRORS = ErrorTable(
    DOMAIN,
    [
        ErrorRule(refusals.OrderUnknown, _NOT_FOUND, "ORDER_UNKNOWN", "No existe el pedido {order_id}"),
        ErrorRule(
            refusals.DecisionUnknown,
            _NOT_FOUND,
            "DECISION_UNKNOWN",
            "El pedido {order_id} no guarda esa decisión, o no se puede repetir",
        ),
        ErrorRule(refusals.ChannelUnknown, _NOT_FOUND, "CHANNEL_UNKNOWN", "No existe el canal {channel_id}"),
        ErrorRule(
            refusals.LocationUnknown, _NOT_FOUND, "LOCATION_UNKNOWN", "No existe la ubicación {location_id}"
        ),
        ErrorRule(
            refusals.LocationInactive,
            _FAILED,
            "LOCATION_INACTIVE",
            "La ubicación {location_id} no acepta pedidos por ahora",
        ),
        ErrorRule(
            refusals.MethodNotOffered,
            _FAILED,
            "METHOD_NOT_OFFERED",
            "El canal {channel_id} no ofrece {method}",
        ),
        ErrorRule(
            refusals.PickupNotPossible,
            _FAILED,
            "PICKUP_NOT_POSSIBLE",
            "Los clientes no pueden recoger en {location_id}",
        ),
        ErrorRule(
            refusals.CarryOutNotPossible,
            _FAILED,
            "CARRY_OUT_NOT_POSSIBLE",
            "{location_id} no tiene cajas, así que nadie sale de allí con mercancía",
        ),
        ErrorRule(
            refusals.AddressRequired,
            _INVALID,
            "ADDRESS_REQUIRED",
            "La línea {line_number} se envía: falta la dirección de entrega",
        ),
        ErrorRule(
            refusals.LocationRequired,
            _INVALID,
            "LOCATION_REQUIRED",
            "La línea {line_number} necesita {field}",
        ),
        ErrorRule(
            refusals.CurrencyMismatch,
            _INVALID,
            "CURRENCY_MISMATCH",
            "El canal {channel_id} vende en {actual}, no en {expected}",
        ),
        ErrorRule(
            refusals.InsufficientStock, _FAILED, "INSUFFICIENT_STOCK", "No hay existencias suficientes"
        ),
        ErrorRule(
            refusals.NoPlan, _FAILED, "NO_PLAN", "Ninguna ubicación puede servir este pedido por {method}"
        ),
        ErrorRule(
            refusals.AttemptsExhausted,
            _FAILED,
            "ATTEMPTS_EXHAUSTED",
            "El pedido {order_id} se intentó {attempts} veces; repítalo con otro request_id",
        ),
        ErrorRule(
            refusals.SourcedTooOften,
            _FAILED,
            "ATTEMPTS_EXHAUSTED",
            "Ya se buscaron ubicaciones {attempts} veces para el pedido {order_id} y no se buscan más; "
            "cancele lo que espera",
        ),
        ErrorRule(
            refusals.NothingPromised,
            _FAILED,
            "NOTHING_PROMISED",
            "La ubicación {location_id} no abre o no tiene capacidad para {method} en 60 días",
        ),
        ErrorRule(
            refusals.PromiseNotOffered,
            _FAILED,
            "PROMISE_NOT_OFFERED",
            "No se ofrece la promesa {customer_promise}",
        ),
        ErrorRule(
            refusals.PromiseNotPossible,
            _FAILED,
            "PROMISE_NOT_POSSIBLE",
            "La promesa {customer_promise} no se puede cumplir para este pedido",
        ),
        ErrorRule(
            refusals.PaymentDeclined, _FAILED, "PAYMENT_DECLINED", "El pago fue rechazado ({decline_reason})"
        ),
        ErrorRule(
            refusals.PaymentTokenUnknown,
            _INVALID,
            "PAYMENT_TOKEN_UNKNOWN",
            "El proveedor de pagos no conoce ese token",
        ),
        ErrorRule(
            refusals.PaymentUnavailable,
            StatusCode.UNAVAILABLE,
            "PAYMENT_UNAVAILABLE",
            "El proveedor de pagos no responde en este momento",
        ),
        ErrorRule(
            refusals.LineUnknown,
            _FAILED,
            "LINE_UNKNOWN",
            "El pedido {order_id} no tiene la línea {line_number}",
        ),
        ErrorRule(
            refusals.QuantityTooHigh,
            _FAILED,
            "QUANTITY_TOO_HIGH",
            "A la línea {line_number} le quedan {left_units} unidades, no {requested_units}",
        ),
        ErrorRule(
            refusals.TooLateToCancel,
            _FAILED,
            "TOO_LATE_TO_CANCEL",
            "Es tarde para cancelar eso del pedido {order_id}",
        ),
        ErrorRule(
            refusals.OrderOnHold,
            _FAILED,
            "ORDER_ON_HOLD",
            "El pedido {order_id} está retenido ({hold_reason})",
        ),
        ErrorRule(refusals.NotOnHold, _FAILED, "NOT_ON_HOLD", "El pedido {order_id} no está retenido"),
        ErrorRule(
            refusals.NothingToHold,
            _FAILED,
            "NOTHING_TO_HOLD",
            "El pedido {order_id} ya terminó ({state}): no queda nada que retener",
        ),
        ErrorRule(
            refusals.NothingToSourceAgain,
            _FAILED,
            "NOTHING_TO_SOURCE_AGAIN",
            "Nada de eso del pedido {order_id} está pendiente de recoger",
        ),
        ErrorRule(
            refusals.FulfillmentOrderUnknown,
            _NOT_FOUND,
            "FULFILLMENT_ORDER_UNKNOWN",
            "El pedido {order_id} no tiene la orden de preparación {fulfillment_order_id}",
        ),
        ErrorRule(
            refusals.FulfillmentOrderRequired,
            _FAILED,
            "FULFILLMENT_ORDER_REQUIRED",
            "Las unidades del pedido {order_id} esperan en varias órdenes de preparación; indique una",
        ),
        ErrorRule(
            refusals.NothingToResolve,
            _FAILED,
            "NOTHING_TO_RESOLVE",
            "Ninguna unidad del pedido {order_id} espera una decisión",
        ),
        ErrorRule(
            refusals.OrderChanged,
            StatusCode.ABORTED,
            "ORDER_CHANGED",
            "El pedido {order_id} cambió entretanto; mírelo de nuevo",
        ),
        ErrorRule(
            refusals.WrongMove,
            StatusCode.INTERNAL,
            "WRONG_MOVE",
            "El pedido {order_id} no está donde dice el suceso",
        ),
        ErrorRule(
            RulesInvalid,
            _INVALID,
            "RULES_INVALID",
            "Las reglas tienen errores; cada uno está en la lista",
        ),
        ErrorRule(
            rules_refusals.RulesUnknown,
            _NOT_FOUND,
            "RULES_UNKNOWN",
            "No existen las reglas de asignación {number}",
        ),
        ErrorRule(
            rules_refusals.RulesNotDraft,
            _FAILED,
            "RULES_NOT_DRAFT",
            "Las reglas {number} ya se activaron y no cambian; cree un borrador nuevo",
        ),
        ErrorRule(
            rules_refusals.RulesChanged,
            StatusCode.ABORTED,
            "RULES_CHANGED",
            "Las reglas {number} están en la revisión {revision}, no {expected_revision}; léalas de nuevo",
        ),
        ErrorRule(
            rules_refusals.RulesNeverActive,
            _FAILED,
            "RULES_NEVER_ACTIVE",
            "Las reglas {number} nunca estuvieron vigentes: no hay a qué volver",
        ),
        ErrorRule(
            rules_refusals.EffectivePeriodPast,
            _INVALID,
            "EFFECTIVE_PERIOD_PAST",
            "{effective_from} ya pasó; ahora es {now}",
        ),
        ErrorRule(
            rules_refusals.EffectivePeriodInvalid,
            _INVALID,
            "EFFECTIVE_PERIOD_INVALID",
            "Las reglas no pueden valer desde {effective_from} hasta {effective_until}: un plazo empieza "
            "antes de acabar y cabe en dos años",
        ),
        ErrorRule(
            rules_refusals.EffectivePeriodOverlaps,
            _FAILED,
            "EFFECTIVE_PERIOD_OVERLAPS",
            "Las reglas {number} están previstas desde {effective_from}; acabe antes o reemplace lo previsto",
        ),
        ErrorRule(
            rules_refusals.TooManyPeriodsPlanned,
            _FAILED,
            "TOO_MANY_PERIODS_PLANNED",
            "Se pueden prever {most} plazos de reglas como máximo",
        ),
    ],
)
