import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const texts = { key: serdes.string, value: serdes.string }
  const mobile = builder.stream('mobile-logins', texts)
  const web = builder.stream('web-logins', texts)
  mobile.merge(web).to('logins')
  return builder.build()
}
