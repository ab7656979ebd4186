import { logAndContinue } from '#streams/runtime'

export { topics, topology } from './application.ts'

/** As the application beside it, but what cannot be read goes to dead letters. */
export const config = {
  commitIntervalMs: 20,
  cacheBytesMax: 0,
  deadLetterTopic: 'dead',
  deserializationExceptionHandler: logAndContinue,
}
