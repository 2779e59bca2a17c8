;; Runs once and ends well: what the command trigger calls (source of the type: WASI's cli, run).
(component
  (core module $code (func (export "run") (result i32) (i32.const 0)))
  (core instance $made (instantiate $code))
  (func $run (result (result)) (canon lift (core func $made "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exported)))
