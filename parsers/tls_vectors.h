static const struct sp_vector vectors[] = {{0}};
