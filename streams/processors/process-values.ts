import type { FixedKeyProcessorSupplier, ProcessorSupplier } from '../topology/processor.ts'

/**
 * Makes a fixed-key processor a node of the topology. The two kinds are called alike; that the key stays is said by the
 * types of `FixedKeyProcessorContext` (KIP-820).
 */
export function processValues<K, V, VOut>(
  supplier: FixedKeyProcessorSupplier<K, V, VOut>,
): ProcessorSupplier<K, V, K, VOut> {
  const get = () => supplier.get()
  return supplier.stores === undefined ? { get } : { get, stores: supplier.stores }
}
