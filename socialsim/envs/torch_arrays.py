"""Arrays between JAX and torch, without a copy where both live on the same device (DLPack).

torch is imported only by those who ask for it; it is no dependency of socialsim.
"""

from typing import Any

import jax
import numpy as np

from socialsim.core import errors


def require_torch() -> Any:
    """The torch module. Raises OptionError, which names the extra to install, where there is none."""
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise errors.OptionError(
            "as_torch=True needs torch, which is not installed; pip install 'socialsim[clients]'"
        ) from None
    return torch


def to_torch(array: jax.Array) -> Any:
    """The same memory as a torch tensor on the same device.

    The array counts as given away: torch may write to its tensor, which JAX would not notice.
    """
    return require_torch().from_dlpack(array)


def to_numpy(array: Any) -> np.ndarray:
    """A NumPy array of one's own, which may be written to (JAX's own view may not)."""
    return np.array(array)


def on_host(actions: Any) -> Any:
    """Torch tensors as NumPy arrays, without their gradients; anything else as it is."""
    return actions.detach().cpu().numpy() if hasattr(actions, "detach") else actions
