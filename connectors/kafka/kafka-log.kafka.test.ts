import { inject } from 'vitest'
import { logContract } from '../../streams/ports/log.contract.ts'
import { createKafkaLog } from './index.ts'

const brokers = inject('kafkaBrokers')

logContract('Kafka', {
  connect: () => createKafkaLog({ brokers, clientId: 'contract' }),
  modelRuns: 20,
})
