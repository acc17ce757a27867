from threading import Thread

import torch

from throughtime.engine.buffer_pool import BufferPool, ScratchBuffer


def test_memory_is_used_again_when_nobody_looks_at_it():
    pool = BufferPool()
    first = pool.empty(100, 1000, dtype=torch.float32)
    view, address = first[3:], first.data_ptr()
    second = pool.empty(100, 1000, dtype=torch.float32)
    assert second.data_ptr() != address
    del first
    assert pool.empty(100, 1000, dtype=torch.float32).data_ptr() != address
    del view
    assert pool.empty(100, 1000, dtype=torch.float32).data_ptr() == address


def test_what_a_gradient_waits_for_is_in_use():
    pool = BufferPool()
    x = torch.ones(100, 1000, requires_grad=True)
    kept = pool.empty(100, 1000, dtype=torch.float32)
    kept.fill_(3.0)
    address, total = kept.data_ptr(), (x * kept).sum()
    del kept
    assert pool.empty(100, 1000, dtype=torch.float32).data_ptr() != address
    total.backward()
    assert (x.grad == 3).all()


def test_a_tensor_has_its_shape_and_type_and_blocks_are_forgotten():
    pool = BufferPool()
    found = pool.empty(10, 2000, dtype=torch.float64)
    assert found.shape == (10, 2000)
    assert found.is_contiguous()
    assert found.dtype == torch.float64
    for _ in range(600):
        pool.empty(1 << 16, dtype=torch.float32)
    assert len(pool._blocks) == 1


def test_scratch_grows_and_is_each_threads_own():
    piece, others = ScratchBuffer(), []
    small = piece.address(10)
    assert piece.address(5) == small
    large = piece.address(1 << 20)
    assert piece.address(1 << 20) == large
    thread = Thread(target=lambda: others.append(piece.address(1 << 20)))
    thread.start()
    thread.join()
    assert others != [large]
