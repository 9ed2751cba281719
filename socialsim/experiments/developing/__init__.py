"""Parts of emergent-values about development: values as they grow, when signals stop, and which societies
arise from which drives."""
