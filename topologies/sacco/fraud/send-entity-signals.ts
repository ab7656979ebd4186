import type { KeyValueStore, ProcessorContext, ProcessorSupplier } from '#streams'
import type { MemberProfile, MembersStoreSpec } from '../members/stores.ts'
import { entitySignalsOf } from '../shared/send-signals.ts'
import type { Activity, EntitySignal } from '../shared/signals.ts'

/** Tells the tasks of devices, phones, receipts and staff what an event means for them. */
export function sendEntitySignals(
  members: MembersStoreSpec,
): ProcessorSupplier<string, Activity, string, EntitySignal> {
  return {
    stores: [members],
    get: () => {
      let context: ProcessorContext<string, EntitySignal>
      let profiles: KeyValueStore<string, MemberProfile>
      return {
        init: (given) => {
          context = given
          profiles = given.store(members)
        },
        process: ({ key: member, value: event, timestampMs, headers }) => {
          const profile = event.event_type === 'loan.disbursed' ? profiles.get(member) : undefined
          for (const { key, value } of entitySignalsOf(event, profile))
            context.forward({ key, value, timestampMs, headers })
        },
      }
    },
  }
}
