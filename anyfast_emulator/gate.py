"""What the gateway refuses before it looks at the request: keys, credit, models."""

from anyfast_emulator.refusals import RefusedError
from anyfast_emulator.temperaments import Temperament


def wrong_key(given: str) -> RefusedError:
    """The refusal of a key that is missing or not the right one."""
    if not given:  # Anyfast models-list page
        error = {"message": "No token provided"}
    else:  # Anyfast api-reference/introduction
        error = {"message": "Invalid API key provided.", "type": "authentication_error", "code": "invalid_api_key"}
    return RefusedError(error["message"], status=401, by_gateway=True, error=error)


def token_used_up(key: str) -> RefusedError:
    """The refusal of a key whose own quota is used up: 401, and the text has six characters of the key."""
    # new-api model/token.go
    words = f"[{key[:6]}***{key[-3:]}] 该令牌额度已用尽 !token.UnlimitedQuota && token.RemainQuota = 0"
    return RefusedError(words, status=401, code="", by_gateway=True)


def credit_used_up(temper: Temperament) -> RefusedError:
    """The refusal of a user without credit."""
    if temper.errors == "deepseek":  # DeepSeek quick_start/error_codes
        return RefusedError("Insufficient Balance", status=402)
    # new-api service/pre_consume_quota.go
    words = "用户额度不足, 剩余额度: ＄0.000000"
    return RefusedError(words, status=403, code="insufficient_user_quota", by_gateway=True)


def responses_only() -> RefusedError:
    """The refusal of a model that chat completions do not have."""
    # OpenAI's words (goose#2564)
    words = "This model is only supported in v1/responses and not in v1/chat/completions."
    return RefusedError(words, "model", status=404, type="invalid_request_error", code="")


def unknown_model(name: str, temper: Temperament) -> RefusedError:
    """The refusal of a model that is not served."""
    if temper.errors == "deepseek":  # recorded
        served = "deepseek-v4-pro or deepseek-v4-flash"
        return RefusedError(f"The supported API model names are {served}, but you passed {name}.")
    # new-api middleware/distributor.go
    words = f"No available channel for model {name} under group default (distributor)"
    return RefusedError(words, status=503, code="model_not_found", by_gateway=True)
