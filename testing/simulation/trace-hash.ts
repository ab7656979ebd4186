/** A hash of everything that happened in a run, in order: two runs of one seed have the same. FNV-1a, twice 32 bits. */
export class TraceHash {
  #low = 0x811c9dc5
  #high = 0x01000193
  events = 0

  add(text: string): void {
    this.events++
    let low = this.#low
    for (let i = 0; i < text.length; i++) low = Math.imul(low ^ text.charCodeAt(i), 0x01000193)
    this.#high = Math.imul(this.#high ^ low, 0x85ebca6b)
    this.#low = low
  }

  get text(): string {
    const hex = (part: number): string => (part >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }
}
