from typing import Any
def masked(*a: Any, **k: Any) -> Any: raise NotImplementedError
