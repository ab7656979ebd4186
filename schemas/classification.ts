/**
 * How sensitive a field is. Every field of every schema says it, and a test refuses one that does not.
 *
 * - `public`: may be printed anywhere.
 * - `internal`: for people who work with the system; logs and metrics may show it.
 * - `pii`: identifies or describes a person. Masked in logs and for roles without the right to see it, encrypted per
 *   subject where it is stored, every access recorded.
 * - `secret`: never leaves the process in readable form.
 */
export const CLASSIFICATIONS = ['public', 'internal', 'pii', 'secret'] as const
export type Classification = (typeof CLASSIFICATIONS)[number]

/** True if `left` needs at least as much protection as `right`. */
export function isAtLeastAsSensitive(left: Classification, right: Classification): boolean {
  return CLASSIFICATIONS.indexOf(left) >= CLASSIFICATIONS.indexOf(right)
}
