module payment

go 1.26.0
