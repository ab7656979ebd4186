import type { AnalyticsEvent } from '#schemas'
import type { KeyValueStore, ProcessorSupplier } from '#streams'
import { reviewFlag } from './review-flag.ts'
import type { FlagReview, FraudStores } from './stores.ts'

/** Flags as the query API reads them: by id (which is by time), by member, and what became of each. */
export function keepFlags(stores: FraudStores): ProcessorSupplier<string, AnalyticsEvent, never, never> {
  return {
    stores: [stores.flags, stores.flagsByMember, stores.reviews],
    get: () => {
      let flags: KeyValueStore<string, AnalyticsEvent>
      let byMember: KeyValueStore<string, string>
      let reviews: KeyValueStore<string, FlagReview>
      return {
        init: (context) => {
          flags = context.store(stores.flags)
          byMember = context.store(stores.flagsByMember)
          reviews = context.store(stores.reviews)
        },
        process: ({ value: event }) => {
          if (event.event_type === 'fraud.detected') {
            const { flag_id, member_id, subject_id, rule_id } = event.data
            flags.put(flag_id, event)
            byMember.put(`${member_id ?? subject_id}|${flag_id}`, rule_id)
          }
          if (event.event_type === 'fraud.flag.reviewed') {
            const { flag_id } = event.data
            const review = reviewFlag(reviews.get(flag_id), event)
            if (review !== undefined) reviews.put(flag_id, review)
          }
        },
      }
    },
  }
}
