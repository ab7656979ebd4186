/**
 * When a windowed aggregation sends its results (KIP-825): each update, or once, when stream time has passed the
 * window's end and grace.
 */
export type EmitStrategy =
  | { readonly kind: 'on-window-update' }
  /**
   * Closed windows are looked for at most every `intervalMs` of wall-clock time, when a record comes. Java keeps this
   * interval internal (`__emit.interval.ms.kstreams.windowed.aggregation__`), 1000 by default.
   */
  | {
      readonly kind: 'on-window-close'
      readonly intervalMs: number
      /**
       * Where stream time jumps further than the store's retention, or runs through it within an interval, Java's
       * store hides windows that were never sent: their results are lost. True: they are sent before that, so that
       * each window that was filled is sent exactly once. Default false, as Java.
       */
      readonly lossless?: boolean
    }

export const EMIT_INTERVAL_DEFAULT_MS = 1000
export const ON_WINDOW_UPDATE: EmitStrategy = { kind: 'on-window-update' }
/** To be spread where the interval is another one, so its type is that of its kind. */
export const ON_WINDOW_CLOSE: Extract<EmitStrategy, { readonly kind: 'on-window-close' }> = {
  kind: 'on-window-close',
  intervalMs: EMIT_INTERVAL_DEFAULT_MS,
}
