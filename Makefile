.PHONY: demo test bench fmt

demo: ; tests/install fonts && cargo run --locked -- demo $(ARGS)
test: ; tests/run $(ARGS)
bench: ; tests/install bench && cargo bench --locked --bench gateway -- $(ARGS)
fmt: ; cargo fmt
