/** Random topologies and inputs, from a seed: for comparing runs of one program under different conditions. */
export { type BuiltProgram, buildProgram, type OutputTraits } from './build-program.ts'
export { generateInputs, type ProgramInput } from './inputs.ts'
export { generateProgram, type Instruction, inputTopics, type OpName, type Program } from './program.ts'
