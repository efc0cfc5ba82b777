"""BPF from Python, without building anything at run time.

Primitives: `object.BpfObject` (a compiled object: configure, load, take descriptors), `maps` (`HashMap`, `ArrayMap`,
`PercpuArray`: typed access by descriptor), `layout` (generated: the C structures, enums and `Maps`), `testrun`
(`run_xdp`, `call`), `link.XdpLink` (a program on a netdev), `ringbuf.RingBuffer` (events), `bpffs` (pins),
`errors` (what went wrong and whose fault it is).
"""
