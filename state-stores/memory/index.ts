/** State in memory; imports nothing of Node, so that the simulator and a browser can use it. */
export { createMemoryDatabase, createMemoryEngine, type MemoryEngine } from './memory-engine.ts'
