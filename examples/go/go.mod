module rapsheet.example

go 1.19
