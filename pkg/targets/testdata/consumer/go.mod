module example.com/consumer

go 1.26.0

tool github.com/magefile/mage

require (
	github.com/magefile/mage v1.17.2
	github.com/magereduce/magereduce v0.0.0
)

replace github.com/magereduce/magereduce => ../../../..
