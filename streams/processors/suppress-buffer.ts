import type { ManagedStore } from '../stores/types.ts'

export type SuppressBuffer<_K, _V> = ManagedStore
