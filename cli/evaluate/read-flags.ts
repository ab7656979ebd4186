import { createTopicSerde, type RegisteredSchemas } from '#schemas'
import type { Log } from '#streams/ports'
import { readTopics } from '../platform/read-topic.ts'
import type { Flag } from './evaluate.ts'

const FLAGS_TOPIC = 'sacco.analytics.events'

/** All flags that were raised, as the topic of flags has them. */
export async function readFlags(
  log: Log,
  schemas: RegisteredSchemas,
  onProgress: (records: number) => void,
): Promise<readonly Flag[]> {
  const serde = createTopicSerde(FLAGS_TOPIC, schemas)
  const flags: Flag[] = []
  await readTopics({
    log,
    topics: [FLAGS_TOPIC],
    onProgress,
    onRecord: ({ value, headers }, { topic }) => {
      if (value === null) return
      const event = serde.deserialize(value, topic, headers)
      if (event.event_type !== 'fraud.detected') return
      const { data } = event
      const detectedMs = Date.parse(data.detected_at)
      flags.push({
        flagId: data.flag_id,
        ruleId: data.rule_id,
        memberId: data.member_id,
        staffId: data.staff_id,
        loanId: data.loan_id,
        subjectId: data.subject_id,
        eventIds: data.evidence.map(({ event_id }) => event_id),
        fromMs: data.window_start === null ? detectedMs : Date.parse(data.window_start),
        toMs: data.window_end === null ? detectedMs : Date.parse(data.window_end),
      })
    },
  })
  return flags
}
