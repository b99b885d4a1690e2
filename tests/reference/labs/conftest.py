from src_mindspore.cpu import cap_onednn_isa

# Before any test imports MindSpore itself: with another instruction set the last bits are not those of a
# command in a process of its own.
cap_onednn_isa()
