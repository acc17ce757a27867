"""Compiler of recurrent cells to C (`engine=fused`): ir, schedule, codegen and runtime, which import in this order."""
