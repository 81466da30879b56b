import "@sallyport/host";
